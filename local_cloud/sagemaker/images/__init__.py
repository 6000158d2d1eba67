"""What runs inside jobs in the stead of AWS's container images, under the jobs' interpreter."""
