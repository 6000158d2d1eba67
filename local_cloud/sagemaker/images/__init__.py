"""What runs inside jobs in place of AWS's container images, under the jobs' interpreter."""
