// SPDX-License-Identifier: Apache-2.0

package rpcxprometheus

import (
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rpcx-go/rpcx"
)

// other stands for the methods that have no labels of their own.
const other = "other"

// side is the metrics of servers, or those of clients.
type side struct {
	calls, attempts          *prometheus.CounterVec
	duration                 *prometheus.HistogramVec
	inFlight                 *prometheus.GaugeVec
	requestBytes, replyBytes *prometheus.CounterVec
	open                     *prometheus.GaugeVec
	opened                   *prometheus.CounterVec
	events                   *prometheus.CounterVec

	maxMethods int
	mu         sync.RWMutex
	methods    map[name]*method
}

type name struct{ service, method string }

// method is the metrics of one method, so that a call need not look each up.
type method struct {
	duration                 prometheus.Observer
	inFlight                 prometheus.Gauge
	requestBytes, replyBytes prometheus.Counter
	calls, attempts          *codes
	service                  string // as a label
}

func newSide(c Config, of string) *side {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: c.Namespace, Subsystem: of, ConstLabels: c.Labels, Name: name, Help: help,
		}, labels)
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: c.Namespace, Subsystem: of, ConstLabels: c.Labels, Name: name, Help: help,
		}, labels)
	}
	s := &side{
		calls: counter("calls_total", "Calls that ended, by code.", "service", "method", "code"),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: c.Namespace, Subsystem: of, ConstLabels: c.Labels,
			Name: "call_duration_seconds", Help: "How long calls took.", Buckets: c.Buckets,
		}, []string{"service", "method"}),
		inFlight:     gauge("calls_in_flight", "Calls under way.", "service", "method"),
		requestBytes: counter("request_bytes_total", "Payloads of requests, as they were on the wire.", "service", "method"),
		replyBytes:   counter("reply_bytes_total", "Payloads of replies, as they were on the wire.", "service", "method"),
		open:         gauge("connections", "Open connections.", "network"),
		opened:       counter("connections_opened_total", "Connections that were opened.", "network"),
		maxMethods:   c.MaxMethods,
		methods:      make(map[name]*method),
	}
	if of == "client" {
		s.attempts = counter("attempts_total", "Attempts at calls that ended, by code.", "service", "method", "code")
		s.events = counter("events_total", "What clients did about servers that fail.", "service", "event")
	} else {
		s.events = counter("events_total", "What servers did to protect themselves.", "event", "code")
	}
	return s
}

func (s *side) collectors() []prometheus.Collector {
	all := []prometheus.Collector{s.calls, s.duration, s.inFlight, s.requestBytes, s.replyBytes, s.open, s.opened, s.events}
	if s.attempts != nil {
		all = append(all, s.attempts)
	}
	return all
}

// method returns the metrics of a method. A name never moves between a method's own
// and those of all others, so that what goes up comes down.
func (s *side) method(service, methodName string) *method {
	key := name{service, methodName}
	s.mu.RLock()
	m := s.methods[key]
	full := len(s.methods) > s.maxMethods // with the others' own
	s.mu.RUnlock()
	if m != nil {
		return m
	}
	if full {
		key = name{other, other}
	}
	return s.add(key)
}

func (s *side) add(key name) *method {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.methods[key]; m != nil {
		return m
	}
	if len(s.methods) >= s.maxMethods {
		key = name{other, other}
		if m := s.methods[key]; m != nil {
			return m
		}
	}
	m := s.newMethod(label(key.service), label(key.method))
	s.methods[key] = m
	return m
}

func (s *side) newMethod(service, methodName string) *method {
	return &method{
		duration:     s.duration.WithLabelValues(service, methodName),
		inFlight:     s.inFlight.WithLabelValues(service, methodName),
		requestBytes: s.requestBytes.WithLabelValues(service, methodName),
		replyBytes:   s.replyBytes.WithLabelValues(service, methodName),
		calls:        &codes{vec: s.calls, name: name{service, methodName}},
		attempts:     &codes{vec: s.attempts, name: name{service, methodName}},
		service:      service,
	}
}

// label makes a text a label: client_golang panics over one that is not UTF-8.
func label(text string) string {
	return strings.ToValidUTF8(text, "\uFFFD")
}

// codes is the counters of a method by code. A peer chooses the number of a code:
// those without a name count as unknown.
type codes struct {
	vec  *prometheus.CounterVec
	name name

	mu     sync.RWMutex
	byCode [rpcx.Unauthenticated + 1]prometheus.Counter
}

func (c *codes) count(code rpcx.Code) {
	if c.vec == nil {
		return // a server has no attempts
	}
	code = named(code)
	c.mu.RLock()
	counter := c.byCode[code]
	c.mu.RUnlock()
	if counter == nil {
		counter = c.vec.WithLabelValues(c.name.service, c.name.method, codeText(code))
		c.mu.Lock()
		c.byCode[code] = counter
		c.mu.Unlock()
	}
	counter.Inc()
}

// named returns a code that has a name.
func named(code rpcx.Code) rpcx.Code {
	if code > rpcx.Unauthenticated {
		return rpcx.Unknown
	}
	return code
}

// codeText is a code as a label; 0 is success.
func codeText(code rpcx.Code) string {
	if code == 0 {
		return "ok"
	}
	return named(code).String()
}
