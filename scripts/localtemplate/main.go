// Command localtemplate prints the template for sam local: template.yaml for this
// machine's processor, with the functions in the same folder. sam build runs it
// through the Makefile; docs/how-to/sam-local.md says why there are two templates.
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
	// processor matches the default of the parameter with the processor of all functions.
	processor = regexp.MustCompile(`(?m)(^  Architecture:\n(?:    .*\n)*?    Default: )\w+$`)
	// source matches the folder from which sam build builds all functions.
	source = regexp.MustCompile(`(?m)^    CodeUri: \.\n`)
	// function matches the head of a function.
	function = regexp.MustCompile(`(?m)(^  (\w+):\n    Type: AWS::Serverless::Function\n(?:    .*\n)*?    Properties:\n)`)
)

// localTemplate returns the template with another default for the processor, in which
// each function is already built, in the folder of its name.
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
