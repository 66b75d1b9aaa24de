package directory

import "slices"

// Versions are the versions of a record at which a request may change it. Nil
// allows all, an empty list none.
type Versions []int64

// Allow reports whether the request may change a record of the version.
func (v Versions) Allow(version int64) bool { return v == nil || slices.Contains(v, version) }
