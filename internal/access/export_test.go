package access

// Marked returns the text of a credential with the mark of a key.
func Marked(k Key, body string) string { return ended(body, &k) }
