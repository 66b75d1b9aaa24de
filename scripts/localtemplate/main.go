// Command localtemplate prints the template for sam local: template.yaml for a
// processor of this machine, with the functions that lie beside it. sam build runs it
// by the Makefile; docs/how-to/sam-local.md says why there are two templates.
//
//	localtemplate x86_64 <template.yaml >.aws-sam/local/template.yaml
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
)

func main() {
	template, err := io.ReadAll(os.Stdin)
	if err == nil && len(os.Args) != 2 {
		err = fmt.Errorf("usage: localtemplate arm64|x86_64 <template.yaml")
	}
	if err == nil {
		template, err = localTemplate(template, os.Args[1])
	}
	if err == nil {
		_, err = os.Stdout.Write(template)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "localtemplate:", err)
		os.Exit(1)
	}
}

var (
	// processor is the default of the parameter that all functions take theirs from.
	processor = regexp.MustCompile(`(?m)(^  Architecture:\n(?:    .*\n)*?    Default: )\w+$`)
	// source is the folder that sam build builds all functions from.
	source = regexp.MustCompile(`(?m)^    CodeUri: \.\n`)
	// function is the head of a function.
	function = regexp.MustCompile(`(?m)(^  (\w+):\n    Type: AWS::Serverless::Function\n(?:    .*\n)*?    Properties:\n)`)
)

// localTemplate returns the template with another default for the processor, in which each
// function is in the folder of its name, and not yet to be built.
func localTemplate(template []byte, architecture string) ([]byte, error) {
	for name, part := range map[string]*regexp.Regexp{"a default of Architecture": processor, "a CodeUri for all functions": source} {
		if n := len(part.FindAll(template, -1)); n != 1 {
			return nil, fmt.Errorf("the template has %d of %s, want one", n, name)
		}
	}
	if !bytes.Contains(template, []byte("AllowedValues: [arm64, x86_64]")) || architecture != "arm64" && architecture != "x86_64" {
		return nil, fmt.Errorf("no function runs on %q: Lambda has arm64 and x86_64", architecture)
	}
	if !function.Match(template) {
		return nil, fmt.Errorf("the template has no function")
	}
	template = processor.ReplaceAll(template, []byte("${1}"+architecture))
	template = source.ReplaceAll(template, nil)
	return function.ReplaceAll(template, []byte("${1}      CodeUri: ${2}\n")), nil
}
