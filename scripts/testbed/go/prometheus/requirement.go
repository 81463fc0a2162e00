//go:build requirement

// Package requirement keeps in go.mod the server that is built from it.
package requirement

import _ "github.com/prometheus/prometheus/cmd/prometheus"
