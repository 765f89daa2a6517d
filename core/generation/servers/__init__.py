"""Generation behind a server with the API of OpenAI."""
