package journal

import "time"

// WriteTime is how long after its beginning a request may still write. A reader
// of the log therefore knows that no entry older than WriteTime plus the
// difference between the clocks is still to come.
const WriteTime = 8 * time.Second

// TallyBurst is how many requests of one kind an instance counts each by itself. Of
// those that come faster than one a minute it counts several at once, once a minute, and
// those that it has not written yet are not known: a count of this many or more is the
// least.
const TallyBurst = 10

// TallyEvery is how long a request that is counted may not be written yet.
const TallyEvery = time.Minute

// ShownDays is how many days the overview shows, and TallyKept how long the requests
// of a day are therefore remembered.
const (
	ShownDays = 7
	TallyKept = (ShownDays + 1) * 24 * time.Hour
)
