"""What a pipeline definition is: its graph, and the rules that CreatePipeline holds it against."""
