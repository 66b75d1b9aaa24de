package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"go.etcd.io/bbolt"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// forgetAtOnce limits the tokens that one write forgets, so that none pays for
// all that expired in an idle hour; it is more than one, so that they do not
// accumulate.
const forgetAtOnce = 16

// errReplayed ends a transaction that was applied before.
var errReplayed = errors.New("embedded: applied before")

// Write implements table.Table. A transaction is never applied in part: an error
// means that nothing was applied.
func (t *Table) Write(ctx context.Context, tx table.Transaction) error {
	if err := table.CheckTransaction(tx); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("embedded: not written: %w", err)
	}
	fingerprint := fingerprint(tx.Ops)
	t.writing.Lock()
	defer t.writing.Unlock()
	added := false
	err := t.guard(func() (err error) { added, err = t.update(tx, fingerprint); return err })
	var condition *table.ConditionError
	var limit *table.LimitError
	switch {
	case err == nil:
		if added {
			t.signal()
		}
		return nil
	case errors.Is(err, errReplayed):
		return nil
	case errors.As(err, &condition), errors.As(err, &limit), errors.Is(err, table.ErrTokenReused):
		return err
	case errors.Is(err, syscall.EIO):
		// Possibly an error of the final write, with which the transaction is
		// applied.
		return fmt.Errorf("embedded: %w: %w", table.ErrUnknownOutcome, err)
	default:
		return failed(err)
	}
}

// update reports whether it added records to the stream.
func (t *Table) update(tx table.Transaction, fingerprint []byte) (added bool, err error) {
	err = t.db.Update(func(b *bbolt.Tx) error {
		now := t.now()
		if err := replayed(b, tx.Token, fingerprint, now); err != nil {
			return err
		}
		changes, err := apply(b.Bucket(itemBucket), tx.Ops)
		if err != nil {
			return err
		}
		if added, err = t.keep(b, changes, now); err != nil {
			return err
		}
		return remember(b, tx.Token, fingerprint, now)
	})
	return added, err
}

// apply evaluates all conditions before it changes anything, so that all failed
// ones are reported.
func apply(items *bbolt.Bucket, ops []table.Op) ([]changed, error) {
	before := make([]*table.Item, len(ops))
	var failed []table.FailedCondition
	for i, op := range ops {
		item, err := load(items, op.Key)
		if err != nil {
			return nil, err
		}
		before[i] = item
		for _, c := range op.When {
			if !c.Holds(item) {
				failed = append(failed, table.FailedCondition{Op: i, Item: item})
				break
			}
		}
	}
	if len(failed) > 0 {
		return nil, &table.ConditionError{Failed: failed}
	}
	changes := make([]changed, 0, len(ops))
	for i, op := range ops {
		if op.Kind == table.OpCheck {
			continue
		}
		after, err := op.After(before[i])
		if err != nil {
			var limit *table.LimitError
			if errors.As(err, &limit) {
				return nil, &table.LimitError{Op: i, Reason: limit.Reason}
			}
			return nil, err
		}
		if after == nil {
			err = items.Delete(encodeKey(op.Key))
		} else {
			err = items.Put(encodeKey(op.Key), encodeAttributes(after.Attributes))
		}
		if err != nil {
			return nil, err
		}
		changes = append(changes, changed{op.Key, before[i], after})
	}
	return changes, nil
}

// signal says that there are new records.
func (t *Table) signal() {
	select {
	case t.changed <- struct{}{}:
	default: // the consumer has not taken the last one yet
	}
}

// replayed looks up the token: nil if it is new or forgotten.
func replayed(b *bbolt.Tx, token string, fingerprint []byte, now time.Time) error {
	record := b.Bucket(tokenBucket).Get([]byte(token))
	if record == nil || expired(usedAt(record), now) {
		return nil
	}
	if !bytes.Equal(record[timeSize:], fingerprint) {
		return table.ErrTokenReused
	}
	return errReplayed
}

// remember stores the token in the transaction of the change itself, and
// forgets some of those that have expired.
func remember(b *bbolt.Tx, token string, fingerprint []byte, now time.Time) error {
	tokens, expiry := b.Bucket(tokenBucket), b.Bucket(expiryBucket)
	if old := tokens.Get([]byte(token)); old != nil {
		if err := expiry.Delete(append(bytes.Clone(old[:timeSize]), token...)); err != nil {
			return err
		}
	}
	if err := forget(tokens, expiry, now); err != nil {
		return err
	}
	at := encodeTime(now)
	if err := tokens.Put([]byte(token), append(bytes.Clone(at), fingerprint...)); err != nil {
		return err
	}
	return expiry.Put(append(at, token...), nil)
}

func forget(tokens, expiry *bbolt.Bucket, now time.Time) error {
	var over [][]byte
	cursor := expiry.Cursor()
	for k, _ := cursor.First(); k != nil && len(over) < forgetAtOnce && expired(usedAt(k), now); k, _ = cursor.Next() {
		over = append(over, bytes.Clone(k))
	}
	for _, k := range over {
		if err := errors.Join(expiry.Delete(k), tokens.Delete(k[timeSize:])); err != nil {
			return err
		}
	}
	return nil
}

// expired also forgets a token from the future: the clock was set back, and
// would keep it too long.
func expired(used, now time.Time) bool {
	age := now.Sub(used)
	return age > tokenLife || age < -tokenLife
}
