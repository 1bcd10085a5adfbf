//! Figures, the HTML report, terminal tables and progress.
