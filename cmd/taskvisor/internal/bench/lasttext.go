package bench

// lastText is a writer that keeps the end of what is written to it. One goroutine writes; the text is read after that.
type lastText struct{ text []byte }

// lastTextSize is how many bytes are kept.
const lastTextSize = 4 << 10

// Write implements io.Writer.
func (l *lastText) Write(p []byte) (int, error) {
	l.text = append(l.text, p...)
	if surplus := len(l.text) - lastTextSize; surplus > 0 {
		l.text = append(l.text[:0], l.text[surplus:]...)
	}
	return len(p), nil
}
