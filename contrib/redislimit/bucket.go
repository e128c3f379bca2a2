// SPDX-License-Identifier: Apache-2.0

package redislimit

import (
	"context"
	"math"
	"time"

	"github.com/redis/go-redis/v9"
)

// takeScript takes a token from the bucket KEYS[1] of depth ARGV[2] in which a token
// takes ARGV[1] to come, and returns 0 or how long the next one takes, all in
// microseconds. The value of the key is the time at which the bucket will be full; a
// bucket that is full has no key. A time that is later than an empty bucket's comes of
// another clock, that of the Redis before a failover, and is not believed.
const takeScript = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local token, depth = tonumber(ARGV[1]), tonumber(ARGV[2])
local full = tonumber(redis.call('GET', KEYS[1]) or nil) or now
full = math.min(math.max(full, now), now + depth) + token
if full - now > depth then
	return full - now - depth
end
redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
return 0
`

// bucket is the shape of every key's bucket.
type bucket struct {
	script       *redis.Script
	token, depth int64 // µs
}

func newBucket(rate float64, burst int) bucket {
	token := int64(min(max(math.Round(1e6/rate), 1), float64(time.Hour.Microseconds())))
	depth := min(float64(token)*float64(burst), float64(365*24*time.Hour.Microseconds()))
	return bucket{script: redis.NewScript(takeScript), token: token, depth: int64(depth)}
}

// take takes a token. If there is none it returns how long the next one takes to come.
func (b *bucket) take(ctx context.Context, c redis.Scripter, key string) (wait time.Duration, err error) {
	us, err := b.script.Run(ctx, c, []string{key}, b.token, b.depth).Int64()
	return time.Duration(us) * time.Microsecond, err
}
