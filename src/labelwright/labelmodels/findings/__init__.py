"""What is wrong or weak, and how sure the answer is."""
