// Package replaytest sends the recorded requests of identity providers, and every
// form of its table of dialects in every place, to the whole service in the same
// process. Each recorded line has its own tenant, so every byte is sent as recorded.
package replaytest
