package supervisor

import (
	"math"
	"math/bits"
	"time"
)

// Defaults of BackoffPolicy.
const (
	DefaultBackoffFirst  = 200 * time.Millisecond
	DefaultBackoffMax    = 30 * time.Second
	DefaultBackoffFactor = 2.0
	DefaultResetAfter    = time.Minute
)

// BackoffPolicy gives the delay before the attempt that follows a failure. The base is min(Max, First·Factor^n), n being the number of
// failures in a row before this one; the jitter then changes it.
type BackoffPolicy struct {
	// First delay. Default: 200 ms. None: no delay at all.
	First time.Duration
	// Max is the largest delay. Default: 30 s, or First where that is larger.
	Max time.Duration
	// Factor of growth: finite, at least 1. Default: 2.
	Factor float64
	// Jitter. Default: JitterEqual.
	Jitter Jitter
	// ResetAfter: a failure of an attempt that ran at least this long counts as the first of a new streak, unless the attempt timed
	// out: an attempt that hangs is no sign of health. Default: 60 s. None: only a success ends a streak.
	ResetAfter time.Duration
}

func (p *BackoffPolicy) validate(v *violations) {
	v.duration("backoff.first", p.First)
	v.check(p.Max >= 0, "backoff.max", "%s is negative; give at least backoff.first", p.Max)
	v.check(p.Max <= 0 || p.First <= p.Max, "backoff.max", "%s is less than backoff.first, %s; give at least that", p.Max, p.First)
	v.check(p.Factor == 0 || p.Factor >= 1 && !math.IsInf(p.Factor, 0),
		"backoff.factor", "%g is no factor of growth; give a finite number of at least 1", p.Factor)
	v.check(p.Jitter <= JitterDecorrelated, "backoff.jitter", "%s is no jitter; use NONE, FULL, EQUAL or DECORRELATED", p.Jitter)
	v.duration("backoff.reset_after", p.ResetAfter)
}

// withDefaults fills zero fields from d, and from the defaults of the package where d has none; None becomes zero.
func (p BackoffPolicy) withDefaults(d *BackoffPolicy) BackoffPolicy {
	p.First = resolve(p.First, resolveDefault(d.First, DefaultBackoffFirst))
	if p.Max == 0 {
		p.Max = max(resolveDefault(d.Max, DefaultBackoffMax), p.First)
	}
	if p.Factor == 0 {
		p.Factor = d.Factor
	}
	if p.Factor == 0 {
		p.Factor = DefaultBackoffFactor
	}
	if p.Jitter == 0 {
		p.Jitter = d.Jitter
	}
	if p.Jitter == 0 {
		p.Jitter = JitterEqual
	}
	p.ResetAfter = resolve(p.ResetAfter, resolveDefault(d.ResetAfter, DefaultResetAfter))
	return p
}

// resolveDefault returns the default d of a Config, or byDefault where the Config leaves it open; None stays None.
func resolveDefault(d, byDefault time.Duration) time.Duration {
	if d == 0 {
		return byDefault
	}
	return d
}

// base returns the delay before jitter after a failure that streak failures in a row preceded. A power that overflows is past any Max.
func (p *BackoffPolicy) base(streak uint32) time.Duration {
	if p.First <= 0 {
		return 0
	}
	d := float64(p.First) * math.Pow(p.Factor, float64(streak))
	if d >= float64(p.Max) {
		return p.Max
	}
	return time.Duration(d)
}

// delay returns the delay after a failure that streak failures in a row preceded. previous is the delay that this function returned for the
// failure before in the same streak, 0 for the first.
func (p *BackoffPolicy) delay(streak uint32, previous time.Duration, random func() uint64) time.Duration {
	base := p.base(streak)
	switch p.Jitter {
	case JitterFull:
		return between(0, base, random)
	case JitterEqual:
		return between(base/2, base, random)
	case JitterDecorrelated:
		return min(p.Max, between(p.First, max(p.First, saturatingTriple(previous)), random))
	case JitterNone:
	}
	return base
}

func saturatingTriple(d time.Duration) time.Duration {
	if d > math.MaxInt64/3 {
		return math.MaxInt64
	}
	return 3 * d
}

// between returns a duration uniform in [lo, hi], up to a bias of less than 1 in 2^64 for each of the values. The high word of a product needs
// one look at the random source, whatever that returns; drawing again until a value fits would go on for ever with one that is constant.
func between(lo, hi time.Duration, random func() uint64) time.Duration {
	if lo >= hi {
		return lo
	}
	offset, _ := bits.Mul64(random(), uint64(hi-lo)+1)
	return lo + time.Duration(offset)
}
