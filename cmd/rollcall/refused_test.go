package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// If the gateway refuses a call, the command says which right the call needs.
func TestRefusedCredentials_AreExplained(t *testing.T) {
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Method == http.MethodGet {
			fmt.Fprint(w, `{"id":"acme","scimEnabled":true,"baseUrl":"https://scim.test/scim/v2","seats":{"used":0,"limit":1},"readers":{"used":0,"limit":1}}`)
			return
		}
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"message":"Forbidden"}`)
	}))
	defer gateway.Close()
	t.Setenv("ROLLCALL_ADMIN_TOKEN", "x")
	for _, command := range []string{
		"init --tenant acme", "doctor --tenant acme", "token create acme --label x", "tenant set acme maxSeats=3",
		"tenant create other",
	} {
		var out strings.Builder
		args := append(strings.Fields(command), "--admin-url", gateway.URL+"/admin/v1")
		status := run(t.Context(), args, strings.NewReader(""), &out, &out)
		assert.Truef(t, status != 0 && strings.Contains(out.String(), refusedToken), "rollcall %s: status %d, %s", command, status, out.String())
	}
}
