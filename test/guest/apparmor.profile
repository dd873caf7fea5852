# Each lets a caller do everything but one thing.

profile joiner flags=(attach_disconnected) {
  file, capability, network, mount, umount, pivot_root, ptrace, signal, unix, change_profile,
}

# What no mount leads to has no name here, so that no rule allows it: namespaces, and the unwritable copy of the executable.
profile connected {
  file, capability, network, mount, umount, pivot_root, ptrace, signal, unix, change_profile,
}

profile nojoin flags=(attach_disconnected) {
  file, capability, network, mount, umount, pivot_root, ptrace, signal, unix, change_profile,
  deny capability sys_admin,
}

profile strict flags=(attach_disconnected) {
  file, capability, network, mount, umount, pivot_root, ptrace, signal, unix, change_profile,
  deny /lsm/secret x,
}
