// Command exceptions compares what linters of the deployment find with the exceptions that the
// project accepts, each with its reason. It fails for a finding without an exception, for an
// exception without a reason, and for one that no finding needs any more.
//
//	checkov … --output json | exceptions checkov    with scripts/exceptions/checkov.yaml
//	exceptions strip                                 prints template.yaml without ignore_checks
//	cfn-lint --format json … | exceptions cfn-lint   with the ignore_checks of template.yaml
//
// scripts/template.sh runs it.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "exceptions:", err)
		os.Exit(1)
	}
}

func run(args []string, stdin io.Reader, stdout io.Writer) error {
	if len(args) != 1 {
		return errors.New("usage: exceptions checkov|strip|cfn-lint")
	}
	template, err := os.ReadFile("template.yaml")
	if err != nil {
		return err
	}
	if args[0] == "strip" {
		_, err := stdout.Write(strip(template))
		return err
	}
	found, err := io.ReadAll(stdin)
	if err != nil {
		return err
	}
	var summary string
	switch args[0] {
	case "checkov":
		accepted, err := os.ReadFile("scripts/exceptions/checkov.yaml")
		if err != nil {
			return err
		}
		if summary, err = checkov(found, accepted); err != nil {
			return err
		}
	case "cfn-lint":
		if summary, err = cfnLint(found, template); err != nil {
			return err
		}
	default:
		return fmt.Errorf("unknown linter %q", args[0])
	}
	fmt.Fprintln(stdout, summary)
	return nil
}

// An exception is a check that some resources may fail.
type exception struct {
	Check string `yaml:"check"`
	// Resources are patterns of logical ids, or of paths of files.
	Resources []string `yaml:"resources"`
	Reason    string   `yaml:"reason"`
}

// minReason is the length that a reason has at least: "not needed" is none.
const minReason = 40

// A report is checkov's report on files of one kind.
type report struct {
	Kind    string `json:"check_type"`
	Results struct {
		Failed []struct {
			Check    string `json:"check_id"`
			Name     string `json:"check_name"`
			Resource string `json:"resource"`
		} `json:"failed_checks"`
	} `json:"results"`
	Summary struct {
		Passed  int `json:"passed"`
		Skipped int `json:"skipped"`
		Errors  int `json:"parsing_errors"`
	} `json:"summary"`
}

// kinds are the kinds of files on which checkov must report.
var kinds = []string{"cloudformation", "dockerfile"}

// checkov compares checkov's reports with the accepted exceptions.
func checkov(found, accepted []byte) (string, error) {
	var reports []report
	if err := json.Unmarshal(found, &reports); err != nil {
		return "", fmt.Errorf("checkov has no reports on %s: %w", strings.Join(kinds, ", "), err)
	}
	var exceptions []exception
	if err := yaml.Unmarshal(accepted, &exceptions); err != nil {
		return "", fmt.Errorf("checkov.yaml: %w", err)
	}
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	for _, e := range exceptions {
		if len(e.Reason) < minReason || e.Check == "" || len(e.Resources) == 0 {
			fault("checkov.yaml: the exception from %q needs resources and a reason", e.Check)
		}
	}
	passed, excepted := 0, 0
	used := map[string]bool{}
	var seen []string
	for _, r := range reports {
		seen = append(seen, r.Kind)
		passed += r.Summary.Passed
		if r.Summary.Passed == 0 || r.Summary.Errors > 0 || r.Summary.Skipped > 0 {
			fault("checkov on %s: %d checks passed, %d files are not understood, %d checks are skipped by comments, not in checkov.yaml", r.Kind, r.Summary.Passed, r.Summary.Errors, r.Summary.Skipped)
		}
		for _, f := range r.Results.Failed {
			if use := find(exceptions, f.Check, f.Resource); use != "" {
				used[use] = true
				excepted++
			} else {
				fault("%s %s: %s", f.Check, f.Resource, f.Name)
			}
		}
	}
	for _, kind := range kinds {
		if !slices.Contains(seen, kind) {
			fault("checkov has no report on %s", kind)
		}
	}
	for _, e := range exceptions {
		for _, pattern := range e.Resources {
			if !used[e.Check+" "+pattern] {
				fault("checkov.yaml: no finding needs the exception from %s for %s: remove it", e.Check, pattern)
			}
		}
	}
	return fmt.Sprintf("checkov: %d checks passed, %d findings are accepted exceptions", passed, excepted), errors.Join(faults...)
}

// find returns the check and the pattern of the exception for a finding, or "".
func find(exceptions []exception, check, resource string) string {
	_, id, _ := strings.Cut(resource, "AWS::")
	if i := strings.LastIndex(id, "."); i >= 0 {
		resource = id[i+1:]
	}
	for _, e := range exceptions {
		for _, pattern := range e.Resources {
			if ok, err := path.Match(pattern, resource); e.Check == check && ok && err == nil {
				return e.Check + " " + pattern
			}
		}
	}
	return ""
}

// ignored matches a list of the checks that cfn-lint ignores, with the line before it.
var ignored = regexp.MustCompile(`(?m)^(.*)\n( +ignore_checks: )\[(.*)\]$`)

// strip returns the template with empty lists of ignored checks.
func strip(template []byte) []byte {
	return ignored.ReplaceAll(template, []byte("$1\n$2[]"))
}

// A finding is what cfn-lint finds.
type finding struct {
	Rule struct {
		ID string `json:"Id"`
	} `json:"Rule"`
}

// cfnLint compares what cfn-lint finds in the template without exceptions with these.
func cfnLint(found, template []byte) (string, error) {
	var findings []finding
	if err := json.Unmarshal(found, &findings); err != nil {
		return "", fmt.Errorf("cfn-lint: %w", err)
	}
	var faults []error
	exceptions := 0
	for _, m := range ignored.FindAllSubmatch(template, -1) {
		if before := strings.TrimSpace(string(m[1])); !strings.HasPrefix(before, "# ") {
			faults = append(faults, fmt.Errorf("template.yaml: ignore_checks: [%s] has no comment with the reason on the line before", m[3]))
		}
		for check := range strings.SplitSeq(string(m[3]), ",") {
			check = strings.TrimSpace(check)
			exceptions++
			i := slices.IndexFunc(findings, func(f finding) bool { return f.Rule.ID == check })
			if i < 0 {
				faults = append(faults, fmt.Errorf("template.yaml: cfn-lint does not find %s without its exception: remove it", check))
				continue
			}
			findings = slices.Delete(findings, i, i+1)
		}
	}
	return fmt.Sprintf("cfn-lint: %d exceptions, each needed", exceptions), errors.Join(faults...)
}
