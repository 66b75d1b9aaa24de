package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSimulate_SendsToTheServerOfThisMachine(t *testing.T) {
	s := start(t)
	defer s.end()
	s.says(`create user +3 +0\n.*total +\d+ +0\n.*rollcall failures acme`, "simulate", "okta", "--users", "3", "--groups", "1", "--speed", "100000")
	s.says(`look user up +3 +0\n`, "simulate", "entra", "--users", "3", "--groups", "1", "--scenario", "group-push", "--speed", "100000")
	sum := s.object("simulate", "okta", "--users", "2", "--seed", "2", "--fail", "duplicate", "--speed", "100000")
	refusal := sum["refusals"].([]any)[0].(map[string]any)
	assert.Equal(t, "duplicate", refusal["cause"])
	assert.Contains(t, fmt.Sprint(s.object("log", "acme")), refusal["requestIds"].([]any)[0])
	s.says(`provoke validation, 400 validation\n`, "trigger", "validation")
	s.refuses(exitUsage, "SCIM requests alone cannot provoke internal", "trigger", "internal")
	s.refuses(exitUsage, `unknown cause "duplicat". Did you mean "duplicate"`, "trigger", "duplicat")
	s.refuses(exitUsage, `unknown identity provider "acme"`, "simulate", "acme")
	s.refuses(exitUsage, `unknown scenario "weekly"`, "simulate", "okta", "--scenario", "weekly")
}

func TestSimulate_SendsToAnyServer(t *testing.T) {
	const secret = "the-secret-of-a-client"
	seen := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			if _, given, _ := r.BasicAuth(); given != secret {
				w.WriteHeader(http.StatusUnauthorized)
				_, _ = w.Write([]byte(`{"error":"invalid_client"}`))
				return
			}
			_, _ = w.Write([]byte(`{"access_token":"given","expires_in":3600}`))
			return
		}
		seen[r.Header.Get("Authorization")]++
		_, _ = w.Write([]byte(`{"id":"1","Resources":[]}`))
	}))
	defer server.Close()
	command := func(status int, wants string, args ...string) {
		t.Helper()
		out, said := &output{}, &output{}
		args = append([]string{"simulate", "okta", "--users", "1", "--groups", "0", "--speed", "100000", "--base"}, args...)
		require.Equal(t, status, run(t.Context(), args, strings.NewReader(""), out, said), said.String())
		assert.Contains(t, out.String()+said.String(), wants)
		assert.NotContains(t, out.String()+said.String(), secret)
	}
	client := []string{server.URL + "/scim", "--client-id", "id", "--token-endpoint", server.URL + "/token"}
	command(0, "total", server.URL+"/scim", "--token", secret)
	command(0, "total", append(client, "--client-secret", secret)...)
	assert.Equal(t, map[string]int{"Bearer " + secret: 3, "Bearer given": 3}, seen)
	command(exitUnauthorized, "401 invalid_client", append(client, "--client-secret", "wrong")...)
	command(exitUsage, "--base needs --token", server.URL)
	command(exitUsage, "exclude each other", append(client, "--token", secret)...)
	command(exitUsage, "an OAuth client needs", server.URL, "--client-id", "id")
	command(exitUsage, "must be a URL", "example.com/scim", "--token", secret)
	t.Setenv("ROLLCALL_TOKEN", secret)
	command(0, "total", server.URL)
	out := &output{}
	assert.Equal(t, exitFailure, run(t.Context(), []string{"trigger", "duplicate", "--base", server.URL}, strings.NewReader(""), out, out))
	assert.Contains(t, out.String(), "duplicate did not occur: the server accepted every request")
	// A cause that only warns, or that may, is in the log of a request that succeeded.
	for _, which := range []string{"tolerated", "unknown_members", "external_id_changed"} {
		assert.Equal(t, 0, run(t.Context(), []string{"trigger", which, "--base", server.URL}, strings.NewReader(""), out, out), which)
	}
	server.Close()
	command(exitUnavailable, "does not answer", server.URL)
}

func TestBar_FitsItsWidth(t *testing.T) {
	assert.Equal(t, "\r[===============               ] 1 of 2", bar(1, 2))
	assert.Equal(t, "\r["+strings.Repeat("=", 30)+"] 2 of 2", bar(2, 2))
}
