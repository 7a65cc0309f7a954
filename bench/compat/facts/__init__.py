"""The facts, a file for each noun of S3, and the scene that they share."""
