//! Sample tables, gradient checks and random graphs shared by the test suites.
