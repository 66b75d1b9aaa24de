package main

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// adminPrefix begins every admin token of this machine, and no SCIM token.
const adminPrefix = "rca_local_"

func newAdminToken() string { return adminPrefix + strings.ToLower(rand.Text()+rand.Text()) }

// localOperator is the service's identity for the administrator of this
// machine.
const localOperator = "arn:aws:iam::000000000000:user/local"

// operator stands in for AWS's signatures: it authorizes a caller with the
// admin token.
func operator(token string) func(*http.Request) (arn string, ok bool) {
	return func(r *http.Request) (string, bool) {
		scheme, sent, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		ok := strings.EqualFold(scheme, "Bearer") && len(r.Header.Values("Authorization")) == 1 &&
			subtle.ConstantTimeCompare([]byte(strings.TrimSpace(sent)), []byte(token)) == 1
		return localOperator, ok
	}
}

// adminTokenFile is the file in the data folder that keeps the admin token.
const adminTokenFile = "admin-token"

// adminToken returns the token of the last start that was kept in a folder, else a new
// one. "" keeps none.
func adminToken(folder string) (string, error) {
	if folder == "" {
		return newAdminToken(), nil
	}
	kept := filepath.Join(folder, adminTokenFile)
	if token := keptToken(kept); strings.HasPrefix(token, adminPrefix) && len(token) > len(adminPrefix)+40 {
		return token, nil
	}
	token := newAdminToken()
	if err := writePrivate(kept, []byte(token+"\n")); err != nil {
		return "", fmt.Errorf("the admin token cannot be kept in %s: %w", folder, err)
	}
	return token, nil
}

// keptToken returns the token that an earlier start kept in a file, or "" if there is
// none. It makes the file readable by its user only. A file that another user may have
// written is not used: that user would know the token.
func keptToken(path string) string {
	found, err := os.Lstat(path)
	if err != nil {
		return ""
	}
	if found.Mode().IsRegular() && found.Mode().Perm()&0o077 != 0 {
		_ = os.Chmod(path, 0o600) // Windows has no such permissions, and some file systems none
	}
	if owner, owned := ownerOf(found); !found.Mode().IsRegular() || owned && owner != os.Geteuid() {
		slog.Warn("the token of the last start is not used: its file is a link, or belongs to another user; a new one is created", "file", path)
		return ""
	}
	file, err := openPrivate(path)
	if err != nil {
		return ""
	}
	defer func() { _ = file.Close() }()
	const longest = 1 << 10
	text, err := io.ReadAll(io.LimitReader(file, longest))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
