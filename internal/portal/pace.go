package portal

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// A person opens a page and goes on; a script that reads all pages does not.
const (
	paceRate  = rate.Limit(5) // requests a second
	paceBurst = 40
)

// A pace holds each session and each address to the requests that a person sends. Each instance of
// the portal counts for itself. It is safe for concurrent use.
type pace struct {
	now func() time.Time

	mu sync.Mutex
	// recent and past are limiters by name; past is forgotten when recent has maxPaced.
	recent, past map[string]*rate.Limiter
}

// maxPaced is how many names are remembered, twice.
const maxPaced = 4096

// allows reports whether one more request of a session or of an address is within the pace.
func (p *pace) allows(who string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	limiter := p.recent[who]
	if limiter == nil {
		if limiter = p.past[who]; limiter == nil {
			limiter = rate.NewLimiter(paceRate, paceBurst)
		}
		if p.recent == nil || len(p.recent) >= maxPaced {
			p.past, p.recent = p.recent, map[string]*rate.Limiter{}
		}
		p.recent[who] = limiter
	}
	return limiter.AllowN(p.now(), 1)
}
