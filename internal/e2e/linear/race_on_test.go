//go:build race

package linear

const raceDetector = true
