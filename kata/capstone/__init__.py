"""What surrounds the capstone's training: the text, what to beat, the run that is kept, the page that shows it."""
