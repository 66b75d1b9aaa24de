package scim

// The limits of a request. They keep a resource far below the 400 KB of a
// stored item and its keys below the 1,024 bytes of a sort key. A request
// beyond a limit is refused with the limit in the detail.
const (
	// MaxDepth is the deepest nesting of arrays and objects in a body. SCIM itself needs
	// six; the reader recurses, and a stack overflow cannot be recovered from.
	MaxDepth = 16
	// MaxResource is the largest encoded resource in bytes, without members.
	MaxResource = 64 << 10
	// MaxString is the longest string in bytes.
	MaxString = 8 << 10
	// MaxLongString is the longest reference or binary value: photos are sent
	// as data URIs, certificates in base64.
	MaxLongString = 32 << 10
	// MaxFolded is the longest folded value of userName, emails.value and a
	// group's displayName: they become keys.
	MaxFolded = 512
	// MaxEmails is the largest number of emails of a user: each is an item.
	MaxEmails = 20
	// MaxElements is the largest number of values of any other attribute.
	MaxElements = 200
	// MaxMembers is the largest number of members that join and leave by one
	// request. Members that are sent but do not change do not count: a PUT
	// repeats all of them to change three. The directory, which knows the
	// members, refuses more.
	MaxMembers = 5000
	// MaxNamedMembers is the largest number of members that one request names.
	MaxNamedMembers = 20_000
	// MaxOperations is the largest number of operations in a PATCH.
	MaxOperations = 1000
	// MaxBulkOperations is the largest number of operations in a bulk request.
	// Each is a request of some 20 ms and at most 8 s; a hundred of them finish
	// long before API Gateway gives up at 30 s.
	MaxBulkOperations = 100
)
