package main

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// adminPrefix begins an admin token of this machine's. No SCIM token begins so.
const adminPrefix = "rca_local_"

func newAdminToken() string { return adminPrefix + strings.ToLower(rand.Text()+rand.Text()) }

// localOperator is who the administrator of this machine is to the service.
const localOperator = "arn:aws:iam::000000000000:user/local"

// operator stands in for AWS's signatures: it lets in who has the admin token.
func operator(token string) func(*http.Request) (arn string, ok bool) {
	return func(r *http.Request) (string, bool) {
		scheme, sent, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		ok := strings.EqualFold(scheme, "Bearer") && len(r.Header.Values("Authorization")) == 1 &&
			subtle.ConstantTimeCompare([]byte(strings.TrimSpace(sent)), []byte(token)) == 1
		return localOperator, ok
	}
}

// adminTokenFile is the file in the folder of the data that keeps the admin token.
const adminTokenFile = "admin-token"

// adminToken returns the token of the last start that was kept in a folder, else a new
// one. "" keeps none.
func adminToken(folder string) (string, error) {
	if folder == "" {
		return newAdminToken(), nil
	}
	kept := filepath.Join(folder, adminTokenFile)
	if text, err := os.ReadFile(kept); err == nil {
		if token := strings.TrimSpace(string(text)); strings.HasPrefix(token, adminPrefix) && len(token) > len(adminPrefix)+40 {
			return token, nil
		}
	}
	token := newAdminToken()
	if err := writePrivate(kept, []byte(token+"\n")); err != nil {
		return "", fmt.Errorf("the admin token cannot be kept in %s: %w", folder, err)
	}
	return token, nil
}
