package cost

import (
	_ "embed" // the files of prices and of measurements
	"encoding/json"
)

// Price is the price of one item of a bill.
type Price struct {
	Item    string
	Dollars float64
	// Per is the number of units that Dollars buy.
	Per    float64
	Unit   string
	Source string
	Note   string
}

// Prices are those of one region on one day.
type Prices struct {
	Region string
	Date   string
	Prices []Price
}

// The items of a bill for requests, in the order of the page.
const (
	itemAPI      = "HTTP API"
	itemRequests = "Lambda requests"
	itemTime     = "Lambda time"
	itemReads    = "DynamoDB reads"
	itemWrites   = "DynamoDB writes"
	itemLogs     = "Logs"
	itemTraces   = "X-Ray"
	itemAnswers  = "Answers"
	itemStorage  = "Table storage"
	itemRecovery = "Recovery to a point in time"
	itemBus      = "EventBridge events"
	itemQueue    = "SQS requests"
)

var items = []string{itemAPI, itemRequests, itemTime, itemReads, itemWrites, itemLogs, itemTraces, itemAnswers}

//go:embed prices.json
var pricesFile []byte

//go:embed before.json
var beforeFile []byte

// Of returns the price of one unit.
func (p Prices) Of(item string) float64 {
	for _, one := range p.Prices {
		if one.Item == item {
			return one.Dollars / one.Per
		}
	}
	panic("cost: no price for " + item) // a constant of this package
}

func readPrices() (p Prices, err error) { err = json.Unmarshal(pricesFile, &p); return p, err }

// snapshot is a measurement of a former commit, with its deployment.
type snapshot struct {
	Commit     string     `json:"commit"`
	Deployment Deployment `json:"deployment"`
	Measured   Measured   `json:"measured"`
}

func readBefore() (s snapshot, err error) { err = json.Unmarshal(beforeFile, &s); return s, err }
