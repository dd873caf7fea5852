package nsfs

// InitialUser is the inode number of the initial user namespace, which is fixed (PROC_USER_INIT_INO, Linux 3.8).
const InitialUser = 0xeffffffd
