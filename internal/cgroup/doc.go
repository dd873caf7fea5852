// Package cgroup tells what a process's cgroups do to it: limits that are reached, memory that has run out, a freezer.
package cgroup
