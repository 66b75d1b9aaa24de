// Package errortext reads the text of an error as a person pastes it from an identity
// provider's screen: cut off, wrapped, escaped for HTML or JSON, and inside the
// provider's own words.
//
// It knows forms of text. It never knows what a cause means, reads no data, and keeps
// nothing.
package errortext
