package journal

// An Operation is the operation that a request asks for.
type Operation string

// The operations. Only the application purges.
const (
	Create  Operation = "create"
	Replace Operation = "replace"
	Modify  Operation = "modify"
	Delete  Operation = "delete"
	Purge   Operation = "purge"
	Bulk    Operation = "bulk"
	// Repair is an operator's: it corrects what contradicts itself in the table.
	Repair Operation = "repair"
	// Dismiss is an administrator's: it takes a failure out of the list of failures.
	Dismiss Operation = "dismiss"
	Read    Operation = "read"
	List    Operation = "list"
	Search  Operation = "search"
	// Discover reads the service's configuration, schemas or resource types.
	Discover Operation = "discover"
	// Token requests an access token: OAuth.
	Token Operation = "token"
)

// Changes reports whether a request with the operation wants to change something.
func (o Operation) Changes() bool { return o != "" && !o.Reads() }

// Reads reports whether a request with the operation changes no user and no group.
func (o Operation) Reads() bool {
	return o == Read || o == List || o == Search || o == Discover || o == Token
}

// An Action is the effect of a change on a user or a group.
type Action string

// The actions. One request does one of them.
const (
	Created     Action = "created"
	Reactivated Action = "reactivated"
	Restored    Action = "restored"
	Linked      Action = "linked"
	Updated     Action = "updated"
	Deactivated Action = "deactivated"
	Deleted     Action = "deleted"
	Purged      Action = "purged"
	Unchanged   Action = "unchanged"
	Repaired    Action = "repaired"
	Dismissed   Action = "dismissed"
)

// An Outcome is the outcome of a request.
type Outcome string

// The outcomes.
const (
	Success Outcome = "success"
	// Warning is a success with a result that differs from the request.
	Warning Outcome = "warning"
	Failure Outcome = "failure"
	// Skipped is a success that had nothing to change.
	Skipped Outcome = "skipped"
)

// Outcomes are all outcomes.
var Outcomes = [...]Outcome{Success, Warning, Failure, Skipped}

// An Actor is a side that may change a user.
type Actor string

// The actors.
const (
	ByIdP         Actor = "scim"
	ByApplication Actor = "app"
)
