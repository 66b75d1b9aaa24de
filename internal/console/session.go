package console

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"maps"
	"slices"
	"sync"
	"time"
)

// How long links and sessions are valid, and how many there can be.
const (
	// linkTime is long enough to copy a link from a terminal into a browser.
	linkTime = 10 * time.Minute
	// idleTime ends an unused session, sessionTime every session.
	idleTime    = 4 * time.Hour
	sessionTime = 12 * time.Hour
	maxLinks    = 16
	maxSessions = 16
	// maxWrong wrong links are compared in wrongTime. A link has 130 bits or more, so
	// guessing is hopeless anyway; this stops the attempts.
	maxWrong  = 10
	wrongTime = time.Minute
	// secretTime is how long a new token waits to be shown.
	secretTime = 5 * time.Minute
)

// A digest is the stored hash of a link or of a session's cookie.
type digest [sha256.Size]byte

// sessions holds the links that can be used and the live sessions. Safe for
// concurrent use.
type sessions struct {
	now func() time.Time
	// key signs the tokens of forms.
	key []byte

	mu    sync.Mutex
	links map[digest]time.Time // to their expiry
	live  map[digest]*session
	wrong []time.Time
}

// session is the session of one browser.
type session struct {
	began, used time.Time
	// notice is shown once, on the next page.
	notice string
	// minted is a new token, which is shown once.
	minted *minted
}

// mintedKind is a kind of what is shown once.
type mintedKind int

const (
	mintedToken mintedKind = iota
	webhookSecret
	clientSecret
)

// minted is a token that was just created, or the secret of a webhook or of an OAuth client.
type minted struct {
	tenant, id, label, text string
	// kind is what it is. Of the secret of a webhook, label is the webhook's URL, and expires
	// when the secret before it ends; of that of a client, id is the client's, and endpoint
	// where it gets access tokens.
	kind     mintedKind
	endpoint string
	// replaces is the token that it replaces, or "" if there is none.
	replaces string
	expires  *time.Time
	at       time.Time
}

func newSessions(now func() time.Time) *sessions {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // it never fails
	return &sessions{now: now, key: key, links: map[digest]time.Time{}, live: map[digest]*session{}}
}

// newSecret returns a text that cannot be guessed.
func newSecret() string { return rand.Text() + rand.Text() }

// link returns the secret of a link that works once.
func (s *sessions) link() string {
	secret := newSecret()
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.links, func(_ digest, end time.Time) bool { return !now.Before(end) })
	if len(s.links) >= maxLinks {
		delete(s.links, oldest(s.links, func(end time.Time) time.Time { return end }))
	}
	s.links[sha256.Sum256([]byte(secret))] = now.Add(linkTime)
	return secret
}

// entry is the result of an attempt to begin a session.
type entry int

const (
	entered entry = iota
	refused
	tooOften
)

// enter takes a link's secret, once, and begins a session: its browser keeps the
// cookie.
func (s *sessions) enter(secret string) (cookie string, e entry) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrong = slices.DeleteFunc(s.wrong, func(at time.Time) bool { return now.Sub(at) >= wrongTime })
	if len(s.wrong) >= maxWrong {
		return "", tooOften
	}
	sent := digest(sha256.Sum256([]byte(secret)))
	found := false
	for kept, end := range s.links {
		if subtle.ConstantTimeCompare(kept[:], sent[:]) == 1 && now.Before(end) {
			found = true
		}
	}
	if !found {
		s.wrong = append(s.wrong, now)
		return "", refused
	}
	delete(s.links, sent)
	s.expire(now)
	if len(s.live) >= maxSessions {
		delete(s.live, oldest(s.live, func(one *session) time.Time { return one.used }))
	}
	cookie = newSecret()
	s.live[sha256.Sum256([]byte(cookie))] = &session{began: now, used: now}
	return cookie, entered
}

// expire ends the sessions that have expired.
func (s *sessions) expire(now time.Time) {
	maps.DeleteFunc(s.live, func(_ digest, one *session) bool {
		return now.Sub(one.used) >= idleTime || now.Sub(one.began) >= sessionTime
	})
}

// known reports whether a cookie belongs to a live session, and counts as its use.
func (s *sessions) known(cookie string) bool {
	ok := false
	s.with(cookie, func(one *session) { one.used, ok = s.now(), true })
	return ok
}

// with calls do for the live session of a cookie, if there is one.
func (s *sessions) with(cookie string, do func(*session)) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(now)
	// The key is a digest of what was sent: the time that the lookup takes shows nothing
	// of the live cookies.
	if one := s.live[sha256.Sum256([]byte(cookie))]; one != nil && cookie != "" {
		do(one)
	}
}

// leave ends a session.
func (s *sessions) leave(cookie string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.live, sha256.Sum256([]byte(cookie)))
}

// formToken returns the token of a session's forms. Only a page of the session
// has it.
func (s *sessions) formToken(cookie string) string {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte("form\x00" + cookie))
	return hex.EncodeToString(mac.Sum(nil))
}

// isForm reports whether a token is that of the session's forms.
func (s *sessions) isForm(cookie, token string) bool {
	return subtle.ConstantTimeCompare([]byte(s.formToken(cookie)), []byte(token)) == 1
}

// storeNotice stores a notice for the session's next page.
func (s *sessions) storeNotice(cookie, notice string) {
	s.with(cookie, func(one *session) { one.notice = notice })
}

// takeNotice returns the notice for this page, or "", and removes it.
func (s *sessions) takeNotice(cookie string) (notice string) {
	s.with(cookie, func(one *session) { notice, one.notice = one.notice, "" })
	return notice
}

// keep stores a new token until it is shown.
func (s *sessions) keep(cookie string, m minted) {
	m.at = s.now()
	s.with(cookie, func(one *session) { one.minted = &m })
}

// shown returns a tenant's new token or secret, or nil, and removes it.
func (s *sessions) shown(cookie, tenant string, kind mintedKind) (m *minted) {
	now := s.now()
	s.with(cookie, func(one *session) {
		if one.minted != nil && one.minted.tenant == tenant && one.minted.kind == kind {
			m, one.minted = one.minted, nil
		}
	})
	if m != nil && now.Sub(m.at) >= secretTime {
		return nil
	}
	return m
}

// oldest returns the key of the earliest time.
func oldest[V any](all map[digest]V, at func(V) time.Time) (first digest) {
	var least time.Time
	for key, v := range all {
		if t := at(v); least.IsZero() || t.Before(least) {
			first, least = key, t
		}
	}
	return first
}
