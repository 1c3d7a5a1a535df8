package manifests

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// kinds are the objects that there may be.
var kinds = map[string]func() any{
	"apps/v1 Deployment":                  func() any { return new(appsv1.Deployment) },
	"batch/v1 Job":                        func() any { return new(batchv1.Job) },
	"monitoring.coreos.com/v1 PodMonitor": func() any { return new(monitoringv1.PodMonitor) },
	"networking.k8s.io/v1 NetworkPolicy":  func() any { return new(networkingv1.NetworkPolicy) },
	"v1 ConfigMap":                        func() any { return new(corev1.ConfigMap) },
	"v1 Service":                          func() any { return new(corev1.Service) },
}

// decode decodes an object into the type that its kind says, and refuses fields that this does not have, and those that are given twice.
func decode(text []byte) (any, error) {
	var head struct{ APIVersion, Kind string }
	if err := yaml.Unmarshal(text, &head); err != nil {
		return nil, err
	}
	object, ok := kinds[head.APIVersion+" "+head.Kind]
	if !ok {
		return nil, fmt.Errorf("%q of %q is no kind that this test knows; misspelt, or to be added to the table", head.Kind, head.APIVersion)
	}
	into := object()
	return into, yaml.UnmarshalStrict(text, into)
}

// kustomizations returns the folders that can be rendered.
func kustomizations(t *testing.T) (dirs []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == "kustomization.yaml" {
			dirs = append(dirs, filepath.Dir(path))
		}
		return err
	})
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no kustomization.yaml: %v", err)
	}
	return dirs
}

// render does what kubectl kustomize does, and returns the text of each object.
func render(t *testing.T, dir string) (objects [][]byte) {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	for _, r := range resources.Resources() {
		text, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, text)
	}
	return objects
}

// manifests returns the files that are objects of the cluster: neither of kustomize, nor patches, nor tasks.
func manifests(t *testing.T) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" || d.Name() == "kustomization.yaml" {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), "\napiVersion: ") || strings.HasPrefix(string(text), "apiVersion: ") {
			found[path] = text
		}
		return err
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("no manifests: %v", err)
	}
	return found
}

func TestManifestsAreDecodedStrictly(t *testing.T) {
	for path, text := range manifests(t) {
		if _, err := decode(text); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// Each folder renders, as by kubectl kustomize, into objects of which every field is known.
func TestWhatIsRenderedIsDecodedStrictly(t *testing.T) {
	for _, dir := range kustomizations(t) {
		objects := render(t, dir)
		if len(objects) == 0 {
			t.Errorf("%s renders nothing", dir)
		}
		for _, text := range objects {
			if _, err := decode(text); err != nil {
				t.Errorf("%s: %v in\n%s", dir, err, text)
			}
		}
	}
}

// Each manifest is part of what a kustomization renders, so that none is forgotten.
func TestNoManifestIsForgotten(t *testing.T) {
	for path := range manifests(t) {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(path), "kustomization.yaml"))
		if err != nil || !strings.Contains(string(text), "  - "+filepath.Base(path)+"\n") {
			t.Errorf("%s is no resource of a kustomization.yaml beside it: %v", path, err)
		}
	}
}

// freeForm are the fields whose keys are up to the author.
var freeForm = []string{"annotations", "data", "labels", "limits", "matchLabels", "requests"}

// misspell calls try for each field of an object, while that field has another name.
func misspell(node any, path string, free bool, try func(path string)) {
	switch node := node.(type) {
	case map[string]any:
		names := make([]string, 0, len(node))
		for name := range node {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			value := node[name]
			if !free {
				delete(node, name)
				node[name+"x"] = value
				try(path + "." + name)
				delete(node, name+"x")
				node[name] = value
			}
			misspell(value, path+"."+name, slices.Contains(freeForm, name) || path+"."+name == ".spec.selector" && isText(value), try)
		}
	case []any:
		for i, item := range node {
			misspell(item, fmt.Sprintf("%s[%d]", path, i), false, try)
		}
	}
}

// isText reports whether all values of a mapping are text: those of the selector of a service.
func isText(node any) bool {
	fields, ok := node.(map[string]any)
	for _, value := range fields {
		_, text := value.(string)
		ok = ok && text
	}
	return ok
}

// A mutation of every manifest for each of its fields: misspelt, it fails.
func TestMisspeltFieldsFail(t *testing.T) {
	tried := 0
	for path, text := range manifests(t) {
		var object map[string]any
		if err := yaml.Unmarshal(text, &object); err != nil {
			t.Fatal(err)
		}
		misspell(object, "", false, func(field string) {
			tried++
			changed, err := yaml.Marshal(object)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := decode(changed); err == nil {
				t.Errorf("%s: %s may be misspelt", path, field)
			}
		})
		if restored, err := yaml.Marshal(object); err != nil || len(restored) == 0 {
			t.Fatal(err)
		} else if _, err := decode(restored); err != nil {
			t.Errorf("%s: %v once all is as it was", path, err)
		}
	}
	if tried < 200 {
		t.Errorf("only %d fields were misspelt", tried)
	}
}
