/*
 * Deliberately weakened builds: each build tag nsexec_weak_NAME drops one
 * protection, and nothing else, so that the tests in test/attack can be seen to
 * succeed where it is missing. weak.go turns the tags into these.
 *
 * Without tags all are 0, and the compiler leaves nothing of them. A program that
 * was built with one says so when it starts, and holds the text in weak.c.
 */
#ifndef NSENTER_WEAK_H
#define NSENTER_WEAK_H

#ifndef WEAK_BIND /* the executable is a read-only bind mount, not an overlay */
#define WEAK_BIND 0
#endif
#ifndef WEAK_CWD /* the working directory may lie outside the root */
#define WEAK_CWD 0
#endif
#ifndef WEAK_DUMPABLE /* the stages may be traced */
#define WEAK_DUMPABLE 0
#endif
#ifndef WEAK_ENVIRON /* the stages have all of the caller's environment */
#define WEAK_ENVIRON 0
#endif
#ifndef WEAK_EXECUTABLE /* the caller's own executable runs inside */
#define WEAK_EXECUTABLE 0
#endif
#ifndef WEAK_FILES /* what the caller has forgotten to mark close-on-exec comes along */
#define WEAK_FILES 0
#endif
#ifndef WEAK_GROUPS /* supplementary groups stay */
#define WEAK_GROUPS 0
#endif
#ifndef WEAK_HERE /* the stages keep what they need no more */
#define WEAK_HERE 0
#endif
#ifndef WEAK_INERT /* a stage without a request runs main */
#define WEAK_INERT 0
#endif
#ifndef WEAK_INHERITABLE /* inheritable and ambient capabilities stay */
#define WEAK_INHERITABLE 0
#endif
#ifndef WEAK_LATE /* a path is resolved among the target's files */
#define WEAK_LATE 0
#endif
#ifndef WEAK_MALFORMED /* whatever a peer sends is believed */
#define WEAK_MALFORMED 0
#endif
#ifndef WEAK_MODE /* whoever owns a memfd may forbid to execute it */
#define WEAK_MODE 0
#endif
#ifndef WEAK_PROCFS /* a procfs is mounted on whatever a link leads to */
#define WEAK_PROCFS 0
#endif
#ifndef WEAK_SESSION /* the payload stays in the caller's session */
#define WEAK_SESSION 0
#endif
#ifndef WEAK_VARIABLE /* what activates a stage stays in its environment */
#define WEAK_VARIABLE 0
#endif
#ifndef WEAK_WORKERS /* a launcher has one worker, for which calls queue */
#define WEAK_WORKERS 0
#endif

#define WEAK_ANY                                                                                   \
	(WEAK_BIND || WEAK_CWD || WEAK_DUMPABLE || WEAK_ENVIRON || WEAK_EXECUTABLE ||              \
	 WEAK_FILES || WEAK_GROUPS || WEAK_HERE || WEAK_INERT || WEAK_INHERITABLE || WEAK_LATE ||  \
	 WEAK_MALFORMED || WEAK_MODE || WEAK_PROCFS || WEAK_SESSION || WEAK_VARIABLE ||            \
	 WEAK_WORKERS)

#endif
