//! The adaline command.

fn main() {}
