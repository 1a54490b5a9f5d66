"""The bytes of sound files: what their headers say before anything is decoded, and writing them."""
