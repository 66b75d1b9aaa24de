package adminwire

import "time"

// NewPortalLink says for whom a link opens the customer's portal.
type NewPortalLink struct {
	// The person, as the log names them, for example by email address: one line of text.
	Actor string `json:"actor" jsonschema:"minLength=1,maxLength=128"`
	// view: see what is provisioned and what fails. setup: also connect an identity provider and
	// create and rotate its credentials. Who has setup may view, too.
	Permissions []string `json:"permissions" jsonschema:"minItems=1"`
	// Where the portal leads back to, an https URL; absent for nowhere.
	ReturnURL string `json:"returnUrl,omitzero" jsonschema:"nullable,format=uri,maxLength=2000"`
	// For how many minutes the link works, 10 without it.
	Minutes Optional[int] `json:"minutes,omitzero" jsonschema:"nullable,minimum=1,maximum=60,default=10"`
}

// A PortalLink is a new link to the customer's portal. It works once, and is shown only this once.
type PortalLink struct {
	// The URL to send the person's browser to. Whoever has it can use it: do not log it.
	URL       string     `json:"url" jsonschema:"format=uri"`
	ExpiresAt *time.Time `json:"expiresAt"`
}
