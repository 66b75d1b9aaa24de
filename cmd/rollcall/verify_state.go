package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// A verifyState is the file in which a run of verify --all keeps the tenants that
// it has finished: a line that says what it is, the line of each tenant, and the
// summary if the run has finished. A line is written whole before the next tenant
// counts as finished, so a run that was killed leaves at most a part of a line,
// whose tenant is read again.
//
// The zero verifyState keeps nothing.
type verifyState struct {
	file     *os.File
	begun    time.Time
	finished map[string]bool
	summary  summary
}

// A stateLine is a line of the file: one of its members is there.
type stateLine struct {
	tenantLine

	State   *stateHeader `json:"state,omitempty"`
	Summary *summary     `json:"summary,omitempty"`
}

// A stateHeader is the first line of the file.
type stateHeader struct {
	Place string    `json:"place"`
	Begun time.Time `json:"begun"`
}

// openVerifyState opens the file of a run, or creates it. A file of a finished run
// begins again.
func openVerifyState(path, place string, now time.Time) (*verifyState, error) {
	s := &verifyState{begun: now, finished: map[string]bool{}}
	if path == "" {
		return s, nil
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, mistake("--state %s cannot be used: %w", path, err)
	}
	s.file = file
	if err := s.open(place); err != nil {
		_ = file.Close()
		return nil, mistake("--state %s: %w", path, err)
	}
	return s, nil
}

// open locks the file, and prepares it for further lines.
func (s *verifyState) open(place string) error {
	alone, err := lock(s.file)
	if err != nil {
		return err
	}
	if !alone {
		return errors.New("another 'rollcall verify --all' is writing it; wait until that one has ended, or name another file")
	}
	whole, err := s.read(place)
	if err != nil {
		return err
	}
	return s.begin(whole, place)
}

// stateBegins is how the file begins.
const stateBegins = `{"version":1,"state":`

var errNoState = errors.New("not a state of this version of 'rollcall verify --all'; name another file, or remove it to begin again")

// read reads the lines of the file, and returns the size of those that are whole
// and needed.
func (s *verifyState) read(place string) (whole int64, err error) {
	content, err := io.ReadAll(s.file)
	if err != nil {
		return 0, err
	}
	if len(content) > 0 && !bytes.HasPrefix(content, []byte(stateBegins)) {
		return 0, errNoState
	}
	for {
		line, rest, found := bytes.Cut(content, []byte("\n"))
		if !found {
			return whole, nil
		}
		var l stateLine
		if err := json.Unmarshal(line, &l); err != nil || l.Version != verifyVersion {
			return 0, errNoState
		}
		switch {
		case l.State != nil && l.State.Place != place:
			return 0, fmt.Errorf("is of %s, and not of %s; name another file", l.State.Place, place)
		case l.State != nil:
			s.begun = l.State.Begun
		case l.Summary != nil:
			s.finished, s.summary = map[string]bool{}, summary{}
			return 0, nil
		default:
			s.finished[l.Tenant] = true
			s.summary.add(l.tenantLine)
		}
		whole += int64(len(line)) + 1
		content = rest
	}
}

// begin prepares the file for further lines.
func (s *verifyState) begin(whole int64, place string) error {
	if err := s.file.Truncate(whole); err != nil {
		return err
	}
	if _, err := s.file.Seek(whole, io.SeekStart); err != nil {
		return err
	}
	if whole > 0 {
		return nil
	}
	s.begun = time.Now()
	return s.write(struct {
		Version int         `json:"version"`
		State   stateHeader `json:"state"`
	}{verifyVersion, stateHeader{place, s.begun.UTC()}})
}

// add adds a tenant that is finished. One that could not be checked is not: the
// next run reads it again.
func (s *verifyState) add(l tenantLine) error {
	if s.file == nil || l.Result == resultUnchecked {
		return nil
	}
	return s.write(l)
}

// end adds the summary, unless a tenant could not be checked.
func (s *verifyState) end(done summary) error {
	if s.file == nil || done.Unchecked > 0 {
		return nil
	}
	return s.write(summaryLine{verifyVersion, done})
}

func (s *verifyState) write(line any) error {
	text, err := json.Marshal(line)
	if err == nil {
		_, err = s.file.Write(append(text, '\n'))
	}
	if err == nil {
		err = s.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("--state: %w", err)
	}
	return nil
}

func (s *verifyState) close() {
	if s.file != nil {
		_ = s.file.Close()
	}
}
