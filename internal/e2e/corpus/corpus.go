// Package corpus has the texts of all requests that the repository knows, as
// seeds of fuzz targets: of the events under events/, of the recorded requests
// of identity providers, and of the hostile ones.
//
// It reads files and knows nothing of the service, so that tests of every
// package can import it.
package corpus

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A Corpus has texts, each once, in a fixed order.
type Corpus struct {
	// Bodies are the bodies of requests.
	Bodies []string
	// Filters are filters, of queries and of search requests.
	Filters []string
	// Paths are paths of PATCH operations, and names of attributes in queries.
	Paths []string
	// Values are other texts in bodies, for example names and addresses.
	Values []string
}

// message is a request in any of the files.
type message struct {
	// RawQueryString and the like are those of an event.
	RawQueryString  string
	Body            any
	IsBase64Encoded bool
	// Path is that of a recorded request, and Request a hostile one.
	Path    any
	Request *message
}

// Read reads the corpus of a repository. Files that cannot be read, or have
// nothing, end the test.
func Read(t testing.TB, root string) *Corpus {
	t.Helper()
	c := &Corpus{}
	err := filepath.WalkDir(filepath.Join(root, "events"), func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(name, ".json") || strings.HasSuffix(name, ".want.json") {
			return err
		}
		text, err := os.ReadFile(name)
		if err == nil {
			err = c.add(text)
		}
		return err
	})
	for _, name := range []string{"internal/recording/requests.jsonl", "internal/e2e/replay/reports.jsonl", "internal/e2e/attack/testdata/cases.jsonl"} {
		text, fault := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		for line := range bytes.Lines(text) {
			if fault == nil {
				fault = c.add(line)
			}
		}
		if err == nil {
			err = fault
		}
	}
	if err != nil {
		t.Fatalf("corpus: %v", err)
	}
	for _, texts := range []*[]string{&c.Bodies, &c.Filters, &c.Paths, &c.Values} {
		slices.Sort(*texts)
		if *texts = slices.Compact(*texts); len(*texts) < 30 {
			t.Fatalf("corpus: %d texts of a kind: the files have another form", len(*texts))
		}
	}
	return c
}

// add adds the texts of one message.
func (c *Corpus) add(text []byte) error {
	var m message
	if err := json.Unmarshal(text, &m); err != nil {
		return err
	}
	if m.Request != nil {
		m = *m.Request
	}
	if path, ok := m.Path.(string); ok {
		_, m.RawQueryString, _ = strings.Cut(path, "?")
	}
	if query, err := url.ParseQuery(m.RawQueryString); err == nil {
		c.Filters = append(c.Filters, query["filter"]...)
		for _, name := range []string{"sortBy", "attributes", "excludedAttributes"} {
			c.Paths = append(c.Paths, query[name]...)
		}
	}
	var body string
	switch b := m.Body.(type) {
	case nil:
		return nil
	case string:
		body = b
	default:
		encoded, err := json.Marshal(b)
		if err != nil {
			return err
		}
		body = string(encoded)
	}
	if m.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(body)
		if err != nil {
			return err
		}
		body = string(decoded)
	}
	c.Bodies = append(c.Bodies, body)
	var document any
	if json.Unmarshal([]byte(body), &document) == nil {
		c.walk("", document)
	}
	return nil
}

// walk adds the texts in a document.
func (c *Corpus) walk(name string, v any) {
	switch v := v.(type) {
	case string:
		switch strings.ToLower(name) {
		case "filter":
			c.Filters = append(c.Filters, v)
		case "path", "sortby", "attributes":
			c.Paths = append(c.Paths, v)
		default:
			c.Values = append(c.Values, v)
		}
	case []any:
		for _, e := range v {
			c.walk(name, e)
		}
	case map[string]any:
		for name, e := range v {
			c.walk(name, e)
		}
	}
}
