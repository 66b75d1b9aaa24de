package supply

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// Notice returns the file NOTICE: whose the product is, and the notices that the licences of
// linked modules ask to pass on.
func Notice(modules []Module) []byte {
	var b bytes.Buffer
	b.WriteString(`rollcall
Copyright the authors of rollcall

Licensed under the Apache License, Version 2.0: see LICENSE.

The binaries contain software of others. THIRD_PARTY_LICENSES.txt lists it with
its licences. The notices that come with it follow.
Written by make generate.
`)
	for _, m := range modules {
		for _, name := range slices.Sorted(maps.Keys(m.Texts)) {
			if strings.HasPrefix(strings.ToLower(path.Base(name)), "notice") {
				fmt.Fprintf(&b, "\n%s\n%s\n\n%s\n", line, m.Path, m.Texts[name])
			}
		}
	}
	return b.Bytes()
}

const line = "--------------------------------------------------------------------------------"

// Licenses returns the file THIRD_PARTY_LICENSES.txt: the modules that the binaries link, and
// each licence text once.
func Licenses(modules []Module) []byte {
	var b bytes.Buffer
	b.WriteString("The software of others in rollcall's binaries, and its licences.\nWritten by make generate.\n\n")
	owners := map[string][]string{}
	for _, m := range modules {
		fmt.Fprintf(&b, "%s\n    %s; in: %s\n", strings.TrimSpace(m.Path+" "+m.Version), strings.Join(m.Licenses, ", "), strings.Join(m.Programs, ", "))
		for name, text := range m.Texts {
			if !strings.HasPrefix(strings.ToLower(path.Base(name)), "notice") {
				owners[text] = append(owners[text], m.Path+", "+name)
			}
		}
	}
	for _, names := range owners {
		slices.Sort(names)
	}
	texts := slices.SortedFunc(maps.Keys(owners), func(a, b string) int { return strings.Compare(owners[a][0], owners[b][0]) })
	for _, text := range texts {
		fmt.Fprintf(&b, "\n%s\n%s\n\n%s\n", line, strings.Join(owners[text], "\n"), text)
	}
	return b.Bytes()
}
