//go:build linked

package main

import _ "nsexec/nsenter"
