"""What a model writes: answers to questions, translations, free answers, texts that rules check."""
