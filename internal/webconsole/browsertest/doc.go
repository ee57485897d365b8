// Package browsertest drives a real browser in tests, and looks at pages as those do who can't see them, or use a keyboard
// alone: axe-core audits a page, Tab is pressed through it, and its width is compared with the window's.
//
// It never skips: without a browser a test fails, and says what installs one (make setup).
package browsertest
