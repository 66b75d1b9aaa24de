package directory

import (
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// CheckNotices returns an error if a request needed a tolerance that its tenant
// refuses: attributes outside the schemas, or everything that the RFCs do not
// define. A path to an unknown attribute is both. For other tenants only the
// notice remains.
func CheckNotices(settings tenant.Settings, notices []scim.Notice) error {
	unknown, dialects := settings.UnknownAttributes == tenant.UnknownRefuse, settings.Dialects == tenant.DialectsRefuse
	for _, n := range notices {
		refused := dialects
		switch n.Kind {
		case scim.NoticeUnknownAttribute, scim.NoticeAmbiguous:
			refused = unknown
		case scim.NoticeUnknownPath:
			refused = unknown || dialects
		}
		if refused {
			return n.Refusal()
		}
	}
	return nil
}
