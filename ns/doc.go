// Package ns is about Linux namespaces as things: their types, handles on them, and sets of handles.
package ns
