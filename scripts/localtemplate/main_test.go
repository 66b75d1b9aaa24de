package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall"
	"github.com/rollcall-scim/rollcall/internal/dev/local"
)

func TestLocal_IsTheTemplateForThisMachine(t *testing.T) {
	for _, architecture := range []string{"arm64", "x86_64"} {
		got, err := localTemplate(rollcall.Template, architecture)
		require.NoError(t, err)
		routes, err := local.Routes(got)
		require.NoError(t, err)
		want, err := local.Routes(rollcall.Template)
		assert.Truef(t, err == nil && len(routes) == len(want), "%d routes, want %d (%v)", len(routes), len(want), err)
		text := string(got)
		for _, r := range append(routes, local.Route{Function: "SweepFunction"}, local.Route{Function: "FeedFunction"}, local.Route{Function: "DeliverFunction"}) {
			head, properties, _ := strings.Cut(text[strings.Index(text, "\n  "+r.Function+":\n"):], "    Properties:\n")
			if !strings.HasPrefix(properties, "      CodeUri: "+r.Function+"\n") || strings.Count(head, "\n  ") < 2 {
				t.Errorf("%s has no code of its own", r.Function)
			}
		}
		if strings.Contains(text, "CodeUri: .\n") || !strings.Contains(text, "    Default: "+architecture+"\n") {
			t.Errorf("for %s: the code is to be built, or the processor is another", architecture)
		}
		// Nothing else differs.
		added := strings.Count(text, "\n      CodeUri: ")
		lines, were := strings.Count(text, "\n"), strings.Count(string(rollcall.Template), "\n")
		assert.Truef(t, lines == were-1+added && added == 11, "%d lines of %d, and %d functions", lines, were, added)
	}
}

func TestLocal_RefusesWhatItDoesNotKnow(t *testing.T) {
	for name, tt := range map[string]struct{ template, architecture string }{
		"another processor": {string(rollcall.Template), "riscv64"},
		"no processor":      {strings.Replace(string(rollcall.Template), "  Architecture:\n", "  Arch:\n", 1), "arm64"},
		"no source":         {strings.Replace(string(rollcall.Template), "    CodeUri: .\n", "", 1), "arm64"},
		"no function":       {strings.ReplaceAll(string(rollcall.Template), "AWS::Serverless::Function", "AWS::Lambda::Function"), "arm64"},
	} {
		got, err := localTemplate([]byte(tt.template), tt.architecture)
		assert.Errorf(t, err, "%s: %d bytes, want an error", name, len(got))
	}
}
