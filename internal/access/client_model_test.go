package access_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// issued is an access token, and what it depends on.
type issued struct {
	text    string
	expires time.Time
	// holds reports whether what got it still holds.
	holds func() bool
	// invalid is since when it is invalid without a break.
	invalid time.Time
}

// clientModel is a tenant with one client, and what is known of it without the code under test.
type clientModel struct {
	*deployment
	clients *access.Clients
	issuer  *access.Issuer
	// instances authenticate, each with a cache of its own.
	instances []*access.Authenticator
	id        string
	secrets   []*modelSecret
	// federation and keys are the revisions, 0 for none.
	federation, keys int64
	// revoked reports that the client is revoked, deleted that its tenant was deleted.
	revoked, deleted bool
	// switched is when SCIM was last turned off or on.
	switched time.Time
	tokens   []*issued
}

type modelSecret struct {
	id, text string
	expires  time.Time
	revoked  bool
}

func newClientModel(t *testing.T, rt *rapid.T) *clientModel {
	d := deploy(t)
	d.source.clients = map[string]access.Client{}
	v := &clientVault{source: d.source, ring: d.ring}
	clock := func() time.Time { return d.now }
	m := &clientModel{
		deployment: d, clients: access.NewClients(v, clock).WithKeys(d.ring), issuer: access.NewIssuer(v, clock),
		instances: []*access.Authenticator{d.instance(), d.instance()},
	}
	c, text, s, err := m.clients.Create(t.Context(), acme(t), access.ClientWanted{Label: "model"})
	require.NoError(rt, err)
	m.id = c.ID
	m.secrets = append(m.secrets, &modelSecret{s.ID, text, s.Expires, false})
	return m
}

func (m *clientModel) valid(token *issued) bool {
	return !m.revoked && !m.deleted && token.holds() && m.now.Before(token.expires) && !m.source.settings.SCIMDisabled
}

// note records what each token is now.
func (m *clientModel) note() {
	for _, token := range m.tokens {
		switch valid := m.valid(token); {
		case valid:
			token.invalid = time.Time{}
		case token.invalid.IsZero():
			token.invalid = m.now
		}
	}
}

func (m *clientModel) issue(rt *rapid.T, p access.Proof, r access.Registration, ends time.Time, holds func() bool) {
	text, life, err := m.issuer.Issue(r, p)
	if err != nil {
		require.ErrorIs(rt, err, access.ErrSecretExpired)
		return
	}
	expires := m.now.Add(time.Hour)
	if !ends.IsZero() && ends.Before(expires) {
		expires = ends
	}
	require.Equal(rt, expires.Sub(m.now).Truncate(time.Second), life)
	m.tokens = append(m.tokens, &issued{text: text, expires: expires, holds: holds})
}

// An access token is accepted if and only if its hour, what got it, its client and the
// tenant's switch say so, in every instance, but for the time that instances cache.
func TestAuthenticate_AccessTokensFollowTheModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := newClientModel(t, rt)
		ctx, of := t.Context(), acme(t)
		change := func(err error, done func()) {
			switch {
			case m.deleted:
				require.ErrorIs(rt, err, access.ErrNoClient)
				return
			case m.revoked:
				require.ErrorIs(rt, err, access.ErrClientRevoked)
				return
			}
			require.NoError(rt, err)
			done()
		}
		find := func() (access.Registration, bool) {
			r, err := m.issuer.Find(ctx, access.ClientID(of, m.id))
			switch {
			case m.deleted:
				require.ErrorIs(rt, err, access.ErrUnknownClient)
				return r, false
			case m.revoked:
				require.ErrorIs(rt, err, access.ErrClientRevoked)
				return r, false
			}
			require.NoError(rt, err)
			return r, true
		}
		rt.Repeat(map[string]func(*rapid.T){
			"time": func(rt *rapid.T) {
				m.now = m.now.Add(time.Duration(rapid.IntRange(1, 2000).Draw(rt, "seconds")) * time.Second)
			},
			"moment": func(rt *rapid.T) {
				m.now = m.now.Add(time.Duration(rapid.IntRange(1, 6000).Draw(rt, "milliseconds")) * time.Millisecond)
			},
			"add a secret": func(rt *rapid.T) {
				ends := m.now.Add(time.Duration(rapid.IntRange(1, 7200).Draw(rt, "life")) * time.Second)
				text, s, err := m.clients.AddSecret(ctx, of, m.id, access.SecretWanted{Expires: ends})
				live := 0
				for _, known := range m.secrets {
					if !known.revoked && m.now.Before(known.expires) {
						live++
					}
				}
				if live >= access.MaxSecrets && !m.revoked && !m.deleted {
					require.ErrorIs(rt, err, access.ErrTooManySecrets)
					return
				}
				change(err, func() { m.secrets = append(m.secrets, &modelSecret{s.ID, text, ends, false}) })
			},
			"end a secret": func(rt *rapid.T) {
				s := rapid.SampledFrom(m.secrets).Draw(rt, "secret")
				err := m.clients.EndSecret(ctx, of, m.id, s.id)
				if err == access.ErrNoSecret { // forgotten after its end
					require.True(rt, s.revoked || !m.now.Before(s.expires))
					return
				}
				change(err, func() { s.revoked = true })
			},
			"federation": func(rt *rapid.T) {
				c, err := m.clients.SetFederation(ctx, of, m.id, access.Federation{Issuer: "i"})
				change(err, func() { m.federation = c.Federation.Revision })
			},
			"no federation": func(*rapid.T) { change(m.clients.EndFederation(ctx, of, m.id), func() { m.federation = 0 }) },
			"keys": func(rt *rapid.T) {
				c, err := m.clients.SetKeys(ctx, of, m.id, "{}")
				change(err, func() { m.keys = c.Keys.Revision })
			},
			"no keys": func(*rapid.T) { change(m.clients.EndKeys(ctx, of, m.id), func() { m.keys = 0 }) },
			"revoke": func(rt *rapid.T) {
				if rapid.IntRange(0, 9).Draw(rt, "really") > 0 {
					return // it ends all other actions
				}
				err := m.clients.Revoke(ctx, of, m.id)
				if m.deleted {
					require.ErrorIs(rt, err, access.ErrNoClient)
					return
				}
				require.NoError(rt, err)
				m.revoked = true
			},
			"delete the tenant": func(rt *rapid.T) {
				if rapid.IntRange(0, 9).Draw(rt, "really") > 0 {
					return // as above
				}
				clear(m.source.clients)
				m.deleted = true
			},
			"switch": func(*rapid.T) {
				m.source.settings.SCIMDisabled, m.switched = !m.source.settings.SCIMDisabled, m.now
			},
			"static tokens": func(*rapid.T) {
				m.source.settings.StaticTokens = tenant.StaticRefuse // no matter for access tokens
			},
			"token by a secret": func(rt *rapid.T) {
				s := rapid.SampledFrom(m.secrets).Draw(rt, "secret")
				r, ok := find()
				if !ok {
					return
				}
				p, _, err := m.issuer.CheckSecret(r, s.text)
				if s.revoked || !m.now.Before(s.expires) {
					require.Error(rt, err)
					return
				}
				require.NoError(rt, err)
				m.issue(rt, p, r, s.expires, func() bool { return !s.revoked })
			},
			"token by a federation": func(rt *rapid.T) {
				if r, ok := find(); ok && m.federation != 0 {
					was := m.federation
					m.issue(rt, r.ProofOfFederation(), r, time.Time{}, func() bool { return m.federation == was })
				}
			},
			"token by keys": func(rt *rapid.T) {
				if r, ok := find(); ok && m.keys != 0 {
					was := m.keys
					m.issue(rt, r.ProofOfKeys(), r, time.Time{}, func() bool { return m.keys == was })
				}
			},
			"": func(rt *rapid.T) {
				m.note()
				for _, token := range m.tokens {
					for i, instance := range m.instances {
						err := m.send(instance, token.text)
						switch {
						case !m.now.Before(token.expires):
							require.Error(rt, err, "instance %d, after its end", i)
						case !token.invalid.IsZero() && m.now.Sub(token.invalid) >= access.CacheTime:
							require.Error(rt, err, "instance %d, invalid since %s", i, m.now.Sub(token.invalid))
						case m.valid(token) && m.now.Sub(m.switched) >= access.CacheTime:
							require.NoError(rt, err, "instance %d", i)
						}
					}
				}
			},
		})
	})
}
