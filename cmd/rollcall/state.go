package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// state is the content of a state file: how commands reach a running 'rollcall local',
// and how they recognize it. A state file has tokens, so only its owner may read it.
type state struct {
	info
	// Key is the secret by which the server proves that it wrote the file: an address
	// may belong to another program by the time the file is read.
	Key string `json:"key"`
	// Host is the machine's name. A home folder can be shared by machines and
	// containers, and a server of another one cannot be reached from here.
	Host    string    `json:"host"`
	Started time.Time `json:"started"`
	// Data says where the server keeps its data.
	Data string `json:"data"`
}

// stateFolder returns the folder of the state files.
func stateFolder() (string, error) {
	if runtime.GOOS == "windows" {
		if local := os.Getenv("LocalAppData"); local != "" {
			return filepath.Join(local, "rollcall"), nil
		}
		return "", errors.New("neither %LocalAppData% nor a home folder is known")
	}
	// The XDG Base Directory Specification ignores a relative path.
	if home := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, "rollcall"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil || !filepath.IsAbs(home) {
		return "", errors.New("neither HOME nor XDG_STATE_HOME names a folder")
	}
	return filepath.Join(home, ".local", "state", "rollcall"), nil
}

// makeStateFolder returns the folder of the state files and creates it if it is missing.
func makeStateFolder() (string, error) {
	folder, err := stateFolder()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	return folder, private(folder, fs.ModeDir)
}

// private returns an error unless a path has the given kind, is not a symbolic link,
// and is accessible only to this user.
func private(path string, kind fs.FileMode) error {
	found, err := os.Lstat(path)
	if err != nil {
		return err
	}
	return checkPrivate(path, found, kind, os.Geteuid())
}

// checkPrivate does the work of private with a file's attributes and a user id as
// arguments. Windows has neither owners nor permissions of this kind: there the folder
// belongs to the user's own profile.
func checkPrivate(path string, found fs.FileInfo, kind fs.FileMode, user int) error {
	what, mode := "file", "600"
	if kind == fs.ModeDir {
		what, mode = "folder", "700"
	}
	owner, owned := ownerOf(found)
	switch {
	case found.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%s is a symbolic link and is not followed: remove it", path)
	case found.Mode().Type() != kind:
		return fmt.Errorf("%s is not a %s: remove it", path, what)
	case owned && owner != user:
		return fmt.Errorf("%s belongs to another user and is not trusted: remove it", path)
	case owned && found.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%s is accessible to other users: run chmod %s %s", path, mode, path)
	}
	return nil
}

// writePrivate writes a file for this user alone, in one step: a reader finds all of it
// or the file that was there before.
func writePrivate(path string, content []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".rollcall-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temporary.Name()) }()
	_, err = temporary.Write(content)
	if err := errors.Join(err, temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}

// stateOf returns the state of a server that starts now.
func stateOf(started info, data string) state {
	host, _ := os.Hostname()
	s := state{info: started, Key: rand.Text() + rand.Text(), Host: host, Started: time.Now().UTC(), Data: data}
	s.ConsoleURL = "" // works once, and is printed
	return s
}

// origin returns the scheme and host of a URL.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// write writes the state file and returns its path.
func (s state) write() (string, error) {
	folder, err := makeStateFolder()
	if err != nil {
		return "", err
	}
	encoded, err := json.Marshal(s)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(s.AdminURL)
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, fmt.Sprintf("local-%s-%d.json", u.Port(), s.PID))
	return path, writePrivate(path, append(encoded, '\n'))
}

// readState reads a state file that only its owner can have written.
func readState(path string) (s state, err error) {
	if err := private(path, 0); err != nil {
		return s, err
	}
	file, err := openPrivate(path)
	if err != nil {
		return s, err
	}
	defer func() { _ = file.Close() }()
	found, err := file.Stat() // of what is read, whatever happened to the path since
	if err == nil {
		err = checkPrivate(path, found, 0, os.Geteuid())
	}
	if err != nil {
		return s, err
	}
	content, err := io.ReadAll(io.LimitReader(file, 64<<10))
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(content, &s); err != nil || s.AdminURL == "" || s.Key == "" {
		return s, fmt.Errorf("%s is not a state file of 'rollcall local': remove it", path)
	}
	return s, nil
}

// proofPath is where a server proves that a state file is its own. API Gateway has no
// such route.
const proofPath = "/rollcall-local/proof"

// maxNonce bounds the nonce of a proof.
const maxNonce = 128

// proof returns the proof for a nonce by the holder of the key.
func (s state) proof(nonce string) string {
	mac := hmac.New(sha256.New, []byte(s.Key))
	mac.Write([]byte("rollcall local " + nonce))
	return hex.EncodeToString(mac.Sum(nil))
}

// withProof answers the requests for a proof, and passes all others on.
func (s state) withProof(service http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != proofPath {
			service.ServeHTTP(w, r)
			return
		}
		nonce := r.URL.Query().Get("nonce")
		if r.Method != http.MethodGet || nonce == "" || len(nonce) > maxNonce {
			http.Error(w, "GET with a nonce is answered here", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, s.proof(nonce))
	})
}

// errOther is the answer of a server that did not write the state file.
var errOther = errors.New("another program answers")

// proofTime is how long a server may take to prove itself.
const proofTime = 3 * time.Second

// confirm returns nil when the server of a state file runs. No token is sent to a
// program that has not proved that it is that server.
func (s state) confirm(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, proofTime)
	defer cancel()
	nonce := rand.Text()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, origin(s.AdminURL)+proofPath+"?nonce="+nonce, http.NoBody)
	if err != nil {
		return err
	}
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true}, // no proxy
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	if err != nil {
		return err
	}
	if !hmac.Equal(bytes.TrimSpace(answer), []byte(s.proof(nonce))) {
		return errOther
	}
	return nil
}

// running is a server of this machine that answers.
type running struct {
	state
	path string
}

// servers returns the servers of this machine that answer, the newest first. It removes
// the state files of servers that ended without removing them.
func servers(ctx context.Context) ([]running, error) {
	folder, err := stateFolder()
	if err != nil {
		return nil, nil //nolint:nilerr // no folder has no files
	}
	if err := private(folder, fs.ModeDir); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(escaped(folder), "local-*.json"))
	if err != nil {
		return nil, err
	}
	host, _ := os.Hostname()
	var found []running
	for _, path := range files {
		s, err := readState(path)
		switch {
		case errors.Is(err, fs.ErrNotExist): // its server has just ended
			continue
		case err != nil:
			return nil, err
		}
		err = s.confirm(ctx)
		switch {
		case err == nil:
			found = append(found, running{s, path})
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case s.Host == host && (errors.Is(err, errOther) || refused(err)):
			_ = os.Remove(path)
		}
	}
	slices.SortStableFunc(found, func(a, b running) int { return b.Started.Compare(a.Started) })
	return found, nil
}

// errNoServer is the error of a command that names no service, when none runs here.
var errNoServer = errors.New("no server found: start 'rollcall local', or name a service by --stack NAME (in AWS), --info FILE, or ROLLCALL_ADMIN_URL")

// theServer returns the one server that runs on this machine. Of several, a command
// does not choose one: it might change the wrong one.
func theServer(ctx context.Context) (info, error) {
	found, err := servers(ctx)
	switch {
	case err != nil:
		return info{}, err
	case len(found) == 0:
		return info{}, usageError{errNoServer}
	case len(found) == 1:
		return found[0].info, nil
	}
	several := severalError{fmt.Sprintf("%d servers run on this machine; choose one of them with", len(found))}
	for _, s := range found {
		several = append(several, "  --info "+shellWord(s.path), fmt.Sprintf("      %s, tenant %s, data %s", s.BaseURL, s.Tenant, s.Data))
	}
	return info{}, usageError{several}
}

// severalError lists the servers among which a command does not choose, in lines.
type severalError []string

func (e severalError) Error() string { return strings.Join(e, "\n") }

// shellWord returns a text as one word of a shell's command line.
func shellWord(text string) string {
	if strings.IndexFunc(text, func(r rune) bool {
		return !strings.ContainsRune(`/\:._-+@%=,`, r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) < 0 && text != "" {
		return text
	}
	if runtime.GOOS == "windows" {
		return `"` + text + `"`
	}
	return `'` + strings.ReplaceAll(text, `'`, `'\''`) + `'`
}
