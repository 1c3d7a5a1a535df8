package layout

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sleepAllowed names the production files that may call time.Sleep, each with its reason. To wait for time to pass, wait for a timer and a
// context together; to wait for something to happen, wait for that.
var sleepAllowed = map[string]string{}

// TestProductionCodeNeitherSleepsNorHasInit reads all files, also those for other platforms, which no build on this one sees.
func TestProductionCodeNeitherSleepsNorHasInit(t *testing.T) {
	files := 0
	err := walkProduction(os.DirFS(root), func(name string, src []byte) error {
		files++
		complaints, err := checkSource(name, src)
		for _, complaint := range complaints {
			t.Error(complaint)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if files == 0 {
		t.Error("no file was checked")
	}
}

// walkProduction calls check with each Go file that people wrote and that is no test.
func walkProduction(tree fs.FS, check func(name string, src []byte) error) error {
	return fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch base := path.Base(name); {
		case err != nil:
			return err
		case d.IsDir() && (name == "gen" || base == "testdata" || strings.HasPrefix(base, ".") && name != "."):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(base, ".go") || strings.HasSuffix(base, "_test.go"):
			return nil
		}
		src, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		return check(name, src)
	})
}

// checkSource returns the calls of time.Sleep, or mentions of it, and the init functions of a file.
func checkSource(name string, src []byte) (complaints []string, err error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	complain := func(at token.Pos, what string) {
		complaints = append(complaints, fmt.Sprintf("%s: %s", fset.Position(at), what))
	}
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
			complain(f.Pos(), "func init: nothing happens at import here; registries are values that main makes")
		}
	}
	if _, ok := sleepAllowed[name]; ok {
		return complaints, nil
	}
	local := importedAs(file, "time")
	ast.Inspect(file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Sleep" && isIdent(sel.X, local) {
			complain(sel.Pos(), "time.Sleep: wait for a timer and the context together, or for the event itself")
		}
		return true
	})
	return complaints, nil
}

// importedAs returns the name that a file has for a package of the standard library with a path of one element; empty for none.
func importedAs(file *ast.File, pkg string) string {
	i := slices.IndexFunc(file.Imports, func(spec *ast.ImportSpec) bool { return spec.Path.Value == strconv.Quote(pkg) })
	switch {
	case i < 0:
		return ""
	case file.Imports[i].Name != nil:
		return file.Imports[i].Name.Name
	}
	return pkg
}

func isIdent(x ast.Expr, name string) bool {
	id, ok := x.(*ast.Ident)
	return ok && id.Name == name
}

func TestSleepAllowedIsInUse(t *testing.T) {
	for name, why := range sleepAllowed {
		if _, err := os.Stat(path.Join(root, name)); err != nil || why == "" {
			t.Errorf("%s: %v, reason %q", name, err, why)
		}
	}
}

func TestSourceRulesCanFail(t *testing.T) {
	for name, tt := range map[string]struct {
		src  string
		want int
	}{
		"sleep":                {`import "time"; func f() { time.Sleep(1) }`, 1},
		"sleep, renamed":       {`import clock "time"; func f() { clock.Sleep(1) }`, 1},
		"sleep as a value":     {`import "time"; var sleep = time.Sleep`, 1},
		"another Sleep":        {`import "time"; func f(x T) { x.Sleep(time.Second) }`, 0},
		"another package time": {`import "example.com/time"; func f() { time.Sleep(1) }`, 0},
		"init":                 {`func init() {}`, 1},
		"two of them":          {`func init() {}; func init() {}`, 2},
		"method init":          {`func (T) init() {}`, 0},
		"variable init":        {`func f() { init := 1; _ = init }`, 0},
	} {
		complaints, err := checkSource("x.go", []byte("package p; "+tt.src))
		if err != nil || len(complaints) != tt.want {
			t.Errorf("%s: got %q, %v, want %d complaints", name, complaints, err, tt.want)
		}
	}
}
