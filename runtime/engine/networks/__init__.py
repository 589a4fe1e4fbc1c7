"""Extra networks on a loaded model: LoRA and its kin in the weights, hypernetworks in attention, embeddings."""
